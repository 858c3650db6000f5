// Package erb renders Puppet's ERB templates without Ruby: it has a scanner of ERB with the trim mode "-", a parser of the part
// of Ruby that templates use, and an evaluator with the meaning that Ruby gives it.
//
// What is outside of that part is refused with its name and line, while parsing or at the moment it would be evaluated; it is
// never taken for something else. A method that is called with arguments or a block that its implementation does not look at
// is refused too. A rendering has bounds for steps, depth and the size of texts, and ends with its context.
//
// Inside of the package exceptions, jumps and refusals of templates travel as panics; Parse and Render turn them into errors.
package erb
