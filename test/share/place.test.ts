import { describe, expect, test } from 'vitest'
import { dockerBasic, netrcBasic } from '../../src/share/netrc.ts'
import { fillPlace, parsePlace, promisedSha256 } from '../../src/share/place.ts'

const FACTS = { wallUs: 1_795_000_000_123_456, sha256: 'ab'.repeat(32), fileName: 'x/chat.arrow' }

describe('an address', () => {
  test('names its kind', () => {
    expect(parsePlace('s3://traces/a/b.arrow')).toEqual({
      kind: 's3',
      bucket: 'traces',
      key: 'a/b.arrow',
    })
    expect(parsePlace('https://h/x.arrow').kind).toBe('http')
    expect(parsePlace('/mnt/share/x.arrow')).toEqual({ kind: 'folder', path: '/mnt/share/x.arrow' })
    expect(parsePlace('file:///mnt/x.arrow')).toEqual({ kind: 'folder', path: '/mnt/x.arrow' })
    expect(() => parsePlace('ftp://h/x')).toThrow('no place that is known')
  })

  test('of a registry has a tag, a digest or latest; only this machine speaks plain HTTP', () => {
    expect(parsePlace('oci://r.example/team/chat:v1')).toEqual({
      kind: 'oci',
      origin: 'https://r.example',
      repository: 'team/chat',
      reference: 'v1',
    })
    const digest = `sha256:${'0'.repeat(64)}`
    expect(parsePlace(`oci://localhost:5000/chat@${digest}`)).toMatchObject({
      origin: 'http://localhost:5000',
      reference: digest,
    })
    expect(parsePlace('oci://r.example/chat')).toMatchObject({ reference: 'latest' })
  })

  test('takes digest, day and time, and the file name after a slash', () => {
    expect(fillPlace('s3://b/{date}/{digest}.arrow', FACTS)).toBe(
      `s3://b/2026-11-18/${FACTS.sha256}.arrow`,
    )
    expect(fillPlace('s3://b/{timestamp}/', FACTS)).toBe('s3://b/20261118T110640Z/chat.arrow')
    expect(() => fillPlace('s3://b/{day}', FACTS)).toThrow('{day} is no placeholder')
  })

  test('may promise a digest, in its last part only', () => {
    expect(promisedSha256(`s3://b/x/${FACTS.sha256}.arrow`)).toBe(FACTS.sha256)
    expect(promisedSha256(`https://h/x.arrow#sha256=${FACTS.sha256}`)).toBe(FACTS.sha256)
    expect(promisedSha256(`https://h/${FACTS.sha256}/x.arrow`)).toBeNull()
    expect(promisedSha256(`s3://b/${FACTS.sha256}0.arrow`)).toBeNull()
  })
})

describe('credentials', () => {
  const netrc =
    '# mine\nmachine a.example login me password secret\nmachine b.example\n login x\n password y\n'

  test('of ~/.netrc go to their own host only', () => {
    expect(netrcBasic(netrc, 'a.example')).toBe(`Basic ${btoa('me:secret')}`)
    expect(netrcBasic(netrc, 'b.example')).toBe(`Basic ${btoa('x:y')}`)
    expect(netrcBasic(netrc, 'c.example')).toBeNull()
  })

  test('of ~/.netrc may be spelt like its keywords, and hold blanks in quotes', () => {
    const text =
      'machine a.example login default password login\nmachine b.example login x password "a b"'
    expect(netrcBasic(text, 'a.example')).toBe(`Basic ${btoa('default:login')}`)
    expect(netrcBasic(text, 'b.example')).toBe(`Basic ${btoa('x:a b')}`)
  })

  test('of Docker are taken as they stand; a damaged file is none', () => {
    const config = JSON.stringify({ auths: { 'r.example': { auth: 'bWU6eA==' } } })
    expect(dockerBasic(config, 'r.example')).toBe('Basic bWU6eA==')
    expect(dockerBasic(config, 'other')).toBeNull()
    expect(dockerBasic('{', 'r.example')).toBeNull()
  })
})
