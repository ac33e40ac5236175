/** `npm run docs`: writes docs/trace-format.md anew. */
import { writeFileSync } from 'node:fs'
import { traceDocument } from './trace-document.ts'

writeFileSync(new URL('../../docs/trace-format.md', import.meta.url), await traceDocument())
