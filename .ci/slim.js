// The `node` package brings 67 MB of C headers; nothing here is compiled against them.
import { globSync, rmSync } from 'node:fs'

const found = globSync?.('node_modules/node/node_modules/*/include') ?? []
for (const folder of found) rmSync(folder, { recursive: true, force: true })
