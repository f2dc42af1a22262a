/**
 * A small server: a laptop's, not a data centre's. What makes it the record is written out although it is the default: an acknowledged
 * commit is on disk. Given on the command line, so that the data folder holds no configuration of ours to migrate.
 */
const settings: Readonly<Record<string, string>> = {
  fsync: 'on',
  synchronous_commit: 'on',
  full_page_writes: 'on',
  max_connections: '20',
  shared_buffers: '32MB',
  max_wal_size: '256MB',
  min_wal_size: '64MB',
  max_wal_senders: '0',
  max_worker_processes: '4',
  max_parallel_workers_per_gather: '0',
  // One process less than "worker", and our reads are from memory.
  io_method: 'sync',
  jit: 'off',
  huge_pages: 'off',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_destination: 'stderr',
  logging_collector: 'off',
  log_line_prefix: '%m [%p] ',
  log_checkpoints: 'off',
  // A statement that fails may hold what a user typed.
  log_min_error_statement: 'panic',
};

/** Arguments of `postgres`: on one loopback port, and no Unix socket. */
export const serverArguments = (data: string, port: number): readonly string[] => [
  '-D',
  data,
  '-p',
  String(port),
  '-h',
  '127.0.0.1',
  '-k',
  '',
  ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
];
