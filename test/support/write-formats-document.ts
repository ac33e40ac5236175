/** `npm run docs`: writes docs/formats.md anew. */
import { writeFileSync } from 'node:fs'
import { formatsDocument } from './formats-document.ts'

writeFileSync(new URL('../../docs/formats.md', import.meta.url), formatsDocument())
