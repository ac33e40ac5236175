/**
 * The built-in vocabulary: bytes, short pieces, common words and made-up words. Pure.
 *
 * It has as many entries as Qwen's, and as there, a space and letters are often one token: texts of
 * such words have an exact length in tokens. Ids of plain entries come first, special ones last.
 */

export type Vocabulary = Readonly<{
  /** What each plain entry stands for, one character a byte (latin-1). */
  texts: readonly string[]
  idOf: ReadonlyMap<string, number>
  /** Longest plain entry, in bytes. */
  longestBytes: number
  /** Entries of a space and two or more letters, for answers. */
  wordIds: Uint32Array
}>

export const VOCABULARY_SIZE = 151_936
export const END_OF_TEXT = VOCABULARY_SIZE - 3
export const TURN_START = VOCABULARY_SIZE - 2
export const TURN_END = VOCABULARY_SIZE - 1

export const SPECIAL_TEXTS: Readonly<Record<number, string>> = {
  [END_OF_TEXT]: '<|endoftext|>',
  [TURN_START]: '<|im_start|>',
  [TURN_END]: '<|im_end|>',
}

const LETTERS = 'abcdefghijklmnopqrstuvwxyz'
const CONSONANTS = Array.from('bcdfghjklmnpqrstvwxz')
const VOWELS = Array.from('aeiou')

const COMMON_WORDS =
  'about above across after again against allow almost along already also always among amount analysis another answer ' +
  'appear apply area argue around assistant author available average away back base because become before began begin ' +
  'behind believe below better between beyond black book both bring brought build business call came cannot carry case ' +
  'cause center central certain chance change check child choose city class clear close code cold come common company ' +
  'complete condition consider contain continue control could country course cover create current data decide deep ' +
  'degree describe detail develop differ different direct does done door down draw during each early earth east easy ' +
  'effect either else energy engine enough even event every exact example expect explain face fact fall family far fast ' +
  'feel field figure final find fine first five flow follow food force form found four free friend from front full ' +
  'function game gave general girl give good great green ground group grow half hand happen hard have head hear heart ' +
  'heat held hello help here high hold home hour house however human hundred idea important include increase inside ' +
  'instead interest into just keep kind knew know known language large last late later lead learn least leave left ' +
  'length less letter level life light like line list listen little live local long look lost made main make many mark ' +
  'market matter mean measure meet member memory message might mile mind minute model moment money month more morning ' +
  'most mother move much music must name near need never next night north note nothing notice number often once only ' +
  'open order other over page paper part pass past path pattern people perhaps person picture piece place plain plan ' +
  'plant play please point position possible power present press problem process produce product program public ' +
  'question quick quite rain reach read ready real really reason receive record red remember report request rest result ' +
  'return right river road room round rule same school science sea second section seem self send sentence serve server ' +
  'service seven several shall shape share short should show side simple since size sleep slow small some something ' +
  'soon sound south space speak special stand start state step still stop story street strong study such summer sure ' +
  'surface system table take talk teach tell test text than thank that their them then there these they thing think ' +
  'this those though thought thousand three through time together token took tool toward town trace traffic train tree ' +
  'true turn under understand unit until upon usual value very voice wait walk want warm water wave week well went were ' +
  'west what wheel when where which while white whole whose wide wind with within without word work world would write ' +
  'year young your user'

let shared: Vocabulary | null = null

/** The one vocabulary, made when it is first asked for (about 0.1 s). */
export function vocabulary(): Vocabulary {
  shared ??= build()
  return shared
}

function build(): Vocabulary {
  const texts: string[] = []
  const idOf = new Map<string, number>()
  const add = (text: string) => {
    if (idOf.has(text) || texts.length >= END_OF_TEXT) return
    idOf.set(text, texts.length)
    texts.push(text)
  }
  for (let byte = 0; byte < 256; byte += 1) add(String.fromCharCode(byte))
  for (const word of COMMON_WORDS.split(' ')) {
    add(word)
    add(` ${word}`)
  }
  for (const piece of shortPieces()) {
    add(piece)
    add(` ${piece}`)
  }
  for (const word of madeUpWords()) {
    if (texts.length >= END_OF_TEXT) break
    add(` ${word}`)
  }
  const wordIds = texts.flatMap((text, id) => (/^ [a-z]{2,}$/.test(text) ? [id] : []))
  return {
    texts,
    idOf,
    longestBytes: Math.max(...texts.slice(0, 2_000).map((text) => text.length)),
    wordIds: Uint32Array.from(wordIds),
  }
}

/** All runs of one to three letters. */
function* shortPieces(): Generator<string> {
  for (const first of LETTERS) yield first
  for (const first of LETTERS) for (const second of LETTERS) yield first + second
  for (const first of LETTERS) {
    for (const second of LETTERS) for (const third of LETTERS) yield first + second + third
  }
}

/** Two syllables, then three: more than enough to fill the vocabulary. */
function* madeUpWords(): Generator<string> {
  const syllables = CONSONANTS.flatMap((first) => VOWELS.map((second) => first + second))
  for (const first of syllables) for (const second of syllables) yield first + second
  for (const first of syllables) {
    for (const second of syllables) for (const third of syllables) yield first + second + third
  }
}
