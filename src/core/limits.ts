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

// What one message may hold (section 2).
export const messageBytesMax = 512 * 1024;
export const entryBytesMax = 8 * 1024;
export const opsMax = 10_000;
/** Entries of one table; with messageBytesMax a snapshot in one part ends earlier. */
export const entriesMax = 10_000;
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
/** Past tables kept in the durable file. */
export const olderMax = 3;
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
/** Snapshots sent between two ticks; the rest wait their turn. */
export const snapshotsAtOnceMax = 32;
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
