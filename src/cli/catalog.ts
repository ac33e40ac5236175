/** `trace catalog add|list|show`: cards of traces in a folder, for a team's Git. */
import { Command } from 'commander'
import { addCard, CATALOG_DEFAULTS, listCards, showCard } from '../study/catalog.ts'
import { formatCard, formatCardList } from '../study/catalog-card.ts'
import type { Verb } from './verbs.ts'

type RawAdd = {
  uri: string
  dir: string
  name?: string
  note?: string
  licence?: string
  force?: true
}

export const catalogCommand: Verb = (world) => {
  const catalog = new Command('catalog')
  catalog
    .command('add')
    .description('measure a trace and write its card')
    .argument('<trace>', 'trace file')
    .requiredOption('--uri <address>', 'where the others pull it from')
    .option('--dir <folder>', 'folder of the cards', CATALOG_DEFAULTS.dir)
    .option('--name <name>', "card's name; without it the file's")
    .option('--note <text>', 'one sentence about it')
    .option('--licence <name>', 'SPDX name; without it the one in the trace')
    .option('--force', 'replace the card if it exists')
    .action(async (path: string, raw: RawAdd) => {
      const card = await addCard(
        {
          path,
          directory: raw.dir,
          uri: raw.uri,
          name: raw.name ?? null,
          note: raw.note ?? null,
          licence: raw.licence ?? null,
          isForced: raw.force === true,
        },
        world,
      )
      world.stdout.write(formatCard(card))
    })
  catalog
    .command('list')
    .description('one line a card')
    .option('--dir <folder>', 'folder of the cards', CATALOG_DEFAULTS.dir)
    .action(async (raw: { dir: string }) => {
      world.stdout.write(formatCardList(await listCards(raw.dir), raw.dir))
    })
  catalog
    .command('show')
    .description('one card')
    .argument('<name>', "card's name")
    .option('--dir <folder>', 'folder of the cards', CATALOG_DEFAULTS.dir)
    .action(async (name: string, raw: { dir: string }) => {
      world.stdout.write(formatCard(await showCard(raw.dir, name)))
    })
  return catalog.addHelpText(
    'after',
    '\nExamples:\n' +
      '  $ trace catalog add partner.arrow --uri s3://t/partner.arrow --licence MIT\n' +
      '  $ trace catalog list\n',
  )
}
