/** Numbers of the distribution protocol (protocol.md sections 1 to 5), each a default with a name. Times in ms, sizes in bytes. */

// Who leads, and what is current.
/** The version of the messages: `v`, and the range an adapter speaks. */
export const protocolVersion = 1;
export const headEveryMs = 1_000;
/** Without a verified head for so long, an adapter announces itself. */
export const headLostMs = 3_000;
/** Spreads the announces of many adapters that lost, or found, their engine at the same moment. */
export const headLostSpreadMs = 500;
/** A step of engine time greater than this is not followed; an engine further than this from Postgres takes no epoch. */
export const skewMaxMs = 2_000;
/** A snapshot that took longer (announce sent to snapshot received) does not lower engine time. */
export const roundTripMaxMs = 1_000;
/** The shortest lease of a rule: a fail-over must fit inside. */
export const leaseMinMs = 15_000;
/** Epochs are spread by a draw of 0 … epochDraw − 1, so that two restored engines do not take the same one. */
export const epochDraw = 64;

// Who leads (section 4). Counted on each engine's own monotonic clock.
/** The holder of the lease adds 1 to the beat so often. */
export const beatEveryMs = 1_000;
/** Without a new beat for this long, and a margin more, another engine takes over; the holder itself stops a margin earlier. */
export const leaderLeaseMs = 5_000;
export const leaseMarginMs = 500;
/** How often the others look at the beat: what a take-over may be later than it need be. */
export const beatReadEveryMs = 250;
/** Before a look, a beat or a take that was not answered is tried again; and one that a wrong clock forbids. */
export const leaseRetryMs = 250;
export const clockRetryMs = 1_000;
/** Entries of one target that it has refused; the oldest are forgotten, and tried again. */
export const quarantineMax = 1_024;

// What one message may hold (section 2).
export const messageBytesMax = 512 * 1024;
export const entryBytesMax = 8 * 1024;
export const opsMax = 10_000;
/** A table and all else of its snapshot, in parts of at most messageBytesMax. */
export const snapshotBytesMax = 64 * 1024 * 1024;
/** Entries of one table: so many of 670 bytes fill a snapshot, and few rules make longer ones. */
export const entriesMax = 100_000;
/** Parts of one snapshot: every one but the last is full to within one entry and its frame. */
export const partsMax = 136;
/** Keys of one key set, and its signed text. */
export const keysMax = 16;
export const keySetCharsMax = 4 * 1024;
/** Longest of the short texts of a message: names, codes, versions. */
export const nameCharsMax = 256;
/** Longest free text: why an entry was rejected. */
export const textCharsMax = 1_024;
/** Elements of the short lists of a message: capabilities, services seen, rejected entries, reasons. */
export const listMax = 1_024;
/** A signed message carried inside an announce or ack as proof; a longer one waits for the next head, which is short. */
export const proofBytesMax = 64 * 1024;

// The adapter (section 5).
/** With nothing held and no answer for so long, a stored snapshot is taken, marked provisional. */
export const bootWaitMs = 2_000;
/** The oldest stored snapshot that may be taken so. */
export const storedAgeMaxMs = 24 * 3_600_000;
export const announceMinMs = 500;
export const announceMaxMs = 5_000;
/** Verified messages that wait while one table is being saved and applied; more are dropped and asked for again. */
export const holdQueueMax = 64;
/** Past tables kept in the durable file, and what they may take together: a save writes them all. */
export const olderMax = 3;
export const olderBytesMax = 32 * 1024 * 1024;
/** Without a further part for so long, an answer in parts is asked for again; what came of it is kept. */
export const partsWaitMs = 2_000;
/** Parts kept that came before the message that lists them. */
export const partsEarlyMax = 8;
/** Keys that were once in the key set, kept for what they signed. */
export const pastKeysMax = 16;
/** How long an ended (id, until) is remembered after the entry left the table: engine time may be lowered a little. */
export const endedKeepMs = 60_000;
/** Remembered (id, until) pairs; the held table's own are never forgotten, the oldest others are. */
export const endedMax = 2 * entriesMax;
/** Same answer to the same repeated head at most this often. */
export const answerEveryMs = 1_000;
/** An adapter answers a head with an ack at least so often, though nothing is new: a lost ack is repaired, and the engine sees it live. */
export const ackEveryMs = 5_000;
/** Waits before a failed save or a refused lease end is tried again. */
export const retryEveryMs = 1_000;
/** A device that has not answered for so long is reported. */
export const deviceSlowMs = 5_000;
/** How often hold and lead are ticked: what a lease end may be late. */
export const holdTickMs = 50;
export const leadTickMs = 100;

// Overrides (section 6).
export const overrideMsDefault = 3_600_000;
export const overrideMsMax = 24 * 3_600_000;
/** After the last freeze ended, leases wait so long for a fresh snapshot that renews them. */
export const resumeGraceMs = 10_000;
/** Longer than any override lasts: what was lifted cannot come back late. */
export const liftedKeepMs = 25 * 3_600_000;
/** Overrides of one target at once; one more, and the one that ends first is forgotten: the others keep its mode. */
export const overridesMax = 64;
/** Lifted ids that are remembered, the newest. */
export const liftedMax = 1_024;

// The engine.
/** Rules in force or in shadow; one more is refused when it is saved. */
export const rulesMax = 10_000;
export const targetsMax = 10_000;
/** Targets of one commit; the others follow in the next. */
export const rowsPerCommitMax = 1_000;
/** Snapshots sent between two ticks, or on their way in parts; the rest wait their turn. */
export const snapshotsAtOnceMax = 32;
/** What those on their way in parts may take together, in memory. */
export const sendingBytesMax = 256 * 1024 * 1024;
/** Parts sent between two ticks, of all targets: what the slower bus queues for one client is twice that. */
export const partsPerTickMax = 8;
/** Tables of one commit, in bytes; the others follow in the next. */
export const commitBytesMax = 64 * 1024 * 1024;
/** Snapshots that the bus keeps: how soon a change follows, how old one gets, and how many are written between two ticks. */
export const storeEveryMs = 5_000;
export const storeFreshMs = 6 * 3_600_000;
export const storesPerTickMax = 2;
/** A new key signs when every target heard of within `targetLiveMs` has the key set, but not before `keySpreadMs`: a silent one may come back. */
export const keySpreadMs = 30_000;
export const targetLiveMs = 30_000;
/** A new key signs after so long whoever has it. */
export const keyForceMs = 24 * 3_600_000;
/** A diff without an ack is sent again after so long, doubled each time, so often; after that heads repair it. */
export const ackWaitMs = 1_000;
export const resendMax = 3;
/** Revisions of one target whose hash is remembered, to recognise a foreign one. */
export const recentMax = 256;
/** Adapter instances of one target that were closed. */
export const closedMax = 16;
/** Reasons that are counted apart; what comes beyond is counted as "other". */
export const reasonsMax = 64;

// Records on their way up.
/** Lines an adapter keeps while they cannot be sent; then the oldest are dropped and counted. */
export const recordsQueueMax = 50_000;
/** Lines in one call or one batch. */
export const recordsPerBatchMax = 1_000;
/** How long a line may wait in the adapter. */
export const recordsFlushMs = 10;
/** The report interval (rules.md section 3.4): an adapter sends a batch at least so often, an empty one if nothing happened. */
export const reportEveryMs = 1_000;
