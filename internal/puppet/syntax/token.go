package syntax

// kind is the kind of a token.
type kind uint8

const (
	tEOF     kind = iota
	tInvalid      // a character that was already complained about

	tName     // foo::bar
	tWord     // foo-bar, _foo: a bare word that is no name
	tTypeName // Foo::Bar
	tVariable // $foo; text is without the $
	tInteger
	tFloat
	tString  // a string without interpolation; text is its value
	tStrPre  // the text before the first interpolation of a string
	tStrMid  // the text between two interpolations
	tStrPost // the text after the last interpolation
	tHeredoc // the @(…) of a heredoc; tString or tStrPre follows. text is the syntax tag
	tRegexp
	tRenderText // text of a template
	tRenderExpr // <%=
	tEPPEnd     // the %> of a <%=
	tEPPParams  // the | that opens a template's parameter list

	tLBrace
	tRBrace
	tLParen
	tRParen
	tLBracket
	tRBracket
	tComma
	tSemicolon
	tColon
	tDot
	tQuestion
	tPipe
	tAt
	tAtAt
	tAssign
	tAddAssign
	tSubAssign
	tArrow     // =>
	tPlusArrow // +>
	tInEdge    // ->
	tInEdgeSub // ~>
	tOutEdge
	tOutEdgeSub
	tCollect // <|
	tCollectEnd
	tExpCollect // <<|
	tExpCollectEnd
	tNot
	tPlus
	tMinus
	tTimes
	tDiv
	tMod
	tShiftLeft
	tShiftRight
	tEqual
	tNotEqual
	tLess
	tLessEq
	tGreater
	tGreaterEq
	tMatch
	tNoMatch

	// Keywords; firstKeyword and lastKeyword frame them.
	tAnd
	tOr
	tIn
	tIf
	tElsif
	tElse
	tUnless
	tCase
	tDefault
	tClass
	tDefine
	tNode
	tInherits
	tFunction
	tType
	tPlan
	tUndef
	tTrue
	tFalse
	tPrivate
	tAttr
)

const (
	firstKeyword = tAnd
	lastKeyword  = tAttr
)

// isKeyword reports whether the token is a word with a meaning of its own.
func (k kind) isKeyword() bool { return k >= firstKeyword && k <= lastKeyword }

// keyword returns the keyword that a bare word is, or tName.
func keyword(word string, tasks bool) kind {
	switch word {
	case "and":
		return tAnd
	case "or":
		return tOr
	case "in":
		return tIn
	case "if":
		return tIf
	case "elsif":
		return tElsif
	case "else":
		return tElse
	case "unless":
		return tUnless
	case "case":
		return tCase
	case "default":
		return tDefault
	case "class":
		return tClass
	case "define":
		return tDefine
	case "node":
		return tNode
	case "inherits":
		return tInherits
	case "function":
		return tFunction
	case "type":
		return tType
	case "undef":
		return tUndef
	case "true":
		return tTrue
	case "false":
		return tFalse
	case "private":
		return tPrivate
	case "attr":
		return tAttr
	case "plan":
		if tasks {
			return tPlan
		}
	}
	return tName
}

// token is one piece of the source. Its text is the source between start and end, unless value says otherwise.
type token struct {
	kind kind
	// blank tells that white space (or the start of the text) is directly before the token, newline that it is the first
	// on its line.
	blank, newline bool
	start, end     uint32
	// value is the text with its marks and escapes removed, where that differs from the source.
	value string
}

// names of tokens in messages.
var tokenNames = map[kind]string{
	tEOF: "end of input", tName: "name", tWord: "word", tTypeName: "type name", tVariable: "variable", tInteger: "number",
	tFloat: "number", tString: "string", tStrPre: "string", tStrMid: "end of interpolation", tStrPost: "end of interpolation",
	tHeredoc: "heredoc", tRegexp: "regular expression", tRenderText: "template text", tRenderExpr: "<%=", tEPPEnd: "%>",
	tLBrace: "{", tRBrace: "}", tLParen: "(", tRParen: ")", tLBracket: "[", tRBracket: "]", tComma: ",", tSemicolon: ";",
	tColon: ":", tDot: ".", tQuestion: "?", tPipe: "|", tArrow: "=>", tCollectEnd: "|>", tExpCollectEnd: "|>>",
}
