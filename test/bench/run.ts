/** `npm run bench [NAME …]`: runs each benchmark in a process of its own, one after the other. */
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { basename, join } from 'node:path'

const folder = import.meta.dirname
const known = readdirSync(folder)
  .filter((file) => file.endsWith('.bench.ts'))
  .map((file) => basename(file, '.bench.ts'))
  .toSorted()

const [first = '', ...rest] = process.argv.slice(2)
const names = first === '' ? known : [first]
if (!names.every((name) => known.includes(name))) {
  process.stderr.write(`bench: no benchmark '${first}'; there are ${known.join(', ')}\n`)
  process.exit(2)
}

let status = 0
for (const name of names) {
  process.stdout.write(`\n## ${name}\n`)
  const run = spawnSync(process.execPath, [join(folder, `${name}.bench.ts`), ...rest], {
    stdio: 'inherit',
  })
  if (run.status !== 0) status = 1
}
process.exitCode = status
