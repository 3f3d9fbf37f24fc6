// Drives the scaler with `bigbluebutton-js` as it comes from its registry.
//
// Usage: bigbluebutton_js_client.js API_BASE SECRET
//
// It GETs every call with %20 for blanks and marks as they are. Prints `ok` when every answer was that of a
// BigBlueButton server.

'use strict'

const assert = require('assert')
const http = require('http')
const bbb = require('bigbluebutton-js')

const [apiBase, secret] = process.argv.slice(2)
const host = apiBase.replace(/\/api$/, '')
const api = bbb.api(host, secret)

// Where a redirect leads; every host is this machine.
function follow(url) {
  const address = new URL(url)
  const options = { host: '127.0.0.1', port: address.port, path: address.pathname + address.search }
  return new Promise((resolve, reject) => {
    http
      .get(options, (answer) => {
        answer.resume()
        if (answer.statusCode === 302) resolve(answer.headers.location)
        else reject(new Error(`status ${answer.statusCode} of ${address.pathname}`))
      })
      .on('error', reject)
  })
}

async function main() {
  const empty = await bbb.http(api.monitoring.getMeetings())
  assert.strictEqual(empty.messageKey, 'noMeetings')

  const names = {
    'js-plain': 'Class',
    'js !()*-._~': 'A (good) class! *~',
    'js-Übung/1+2': 'Übung 1 & 2 <b>🎓</b>',
  }
  for (const [id, name] of Object.entries(names)) {
    const options = { attendeePW: 'ap', moderatorPW: 'm p', 'meta_course': 'Physik I' }
    const created = await bbb.http(api.administration.create(name, id, options))
    assert.strictEqual(created.returncode, 'SUCCESS', `${id}: ${created.messageKey}`)
    assert.strictEqual(created.meetingID, id)
    assert.strictEqual(created.messageKey, '')

    const info = await bbb.http(api.monitoring.getMeetingInfo(id))
    assert.strictEqual(info.createTime, created.createTime)
    assert.deepStrictEqual(info.metadata, { course: 'Physik I' })
    const running = await bbb.http(api.monitoring.isMeetingRunning(id))
    assert.strictEqual(running.running, false)

    const join = api.administration.join('Ada Lovelace (dean)', id, 'm p', { createTime: created.createTime })
    const client = await follow(await follow(join))
    assert.ok(client.includes('/html5client'), `the join leads to ${client.split('sessionToken')[0]}`)
  }
  const listed = await bbb.http(api.monitoring.getMeetings())
  const ids = listed.meetings.map((meeting) => meeting.meetingID).sort()
  assert.deepStrictEqual(ids, Object.keys(names).sort())

  // Its HTTP client escapes an apostrophe that was signed as it is, so any server refuses.
  const changed = await bbb.http(api.administration.create("It's", 'js-apostrophe', {}))
  assert.strictEqual(changed.messageKey, 'checksumError')

  const recordings = await bbb.http(api.recording.getRecordings({ meetingID: 'js-plain' }))
  assert.strictEqual(recordings.messageKey, 'noRecordings')
  const stranger = bbb.api(host, 'not the secret')
  const refused = await bbb.http(stranger.monitoring.getMeetings())
  assert.strictEqual(refused.messageKey, 'checksumError')

  for (const id of Object.keys(names)) {
    const ended = await bbb.http(api.administration.end(id, 'm p'))
    assert.strictEqual(ended.messageKey, 'sentEndMeetingRequest', id)
  }
  const deadline = Date.now() + 10000
  let last
  do {
    last = await bbb.http(api.monitoring.getMeetings())
  } while (last.messageKey !== 'noMeetings' && Date.now() < deadline)
  assert.strictEqual(last.messageKey, 'noMeetings')
  console.log('ok')
}

main().catch((error) => {
  console.error(error)
  process.exit(1)
})
