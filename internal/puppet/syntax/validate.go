package syntax

// validate refuses what is grammatical, but can be refused without evaluating.
func validate(prog *Program, r *reporter) {
}
