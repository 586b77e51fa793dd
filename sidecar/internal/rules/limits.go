package rules

// What an expression may cost. A rule that needs more is a program and belongs into a plugin.
const (
	maxSource     = 4096    // bytes of source
	maxComposed   = 64      // expressions of the largest size in a list or a map
	maxText       = 16384   // bytes of source of a message
	maxNesting    = 32      // brackets within brackets
	maxNodes      = 1000    // parts of an expression
	maxPredicates = 4       // filter within map within ...
	maxSteps      = 1 << 24 // elements that the predicates of one evaluation may look at
	maxConstant   = 1 << 14 // the same where the expression is compiled, of what reads nothing
	maxLoops      = 1 << 15 // predicates that one evaluation may begin
	maxList       = 10_000  // elements of a list that an expression goes through
	maxString     = 1 << 16 // bytes of a text that an expression makes
	maxWritten    = 1 << 24 // bytes of all texts that one evaluation makes
	maxResult     = 1 << 20 // bytes of a result as JSON
	maxDepth      = 32      // nesting of a result
	perStep       = 1 << 8  // instructions times bytes of a match that count as one element
	maxTexts      = 1 << 22 // bytes of a list of strings that is sorted, or compared with others, as a whole
	maxCutset     = 256     // bytes of the characters that trim takes away
	maxMessage    = 300     // characters of a message
	memoryBudget  = 500_000 // elements that the lists of one evaluation may have in all
	keptLoops     = 64      // a machine that began more predicates has grown and is not used again
)
