import { migrate } from '../../src/runtime/migrate.ts';
import { openDatabase } from '../../src/runtime/postgres.ts';
import { gone, signal } from '../../src/runtime/processes.ts';
import { openStore } from '../../src/runtime/store.ts';
import { storeConformance } from './store.ts';
import { testHome, unwrap } from './tools.ts';

// Always a server of our own, also where DATABASE_URL is set: these tests kill it.
storeConformance('embedded Postgres', async () => {
  const { home, say, remove } = testHome();
  const start = async () => unwrap(await openDatabase({ home, env: {}, say, restart: false }));
  const database = await start();
  unwrap(await migrate(database.url));
  return {
    url: database.url,
    open: async () => unwrap(await openStore(database)),
    kill: async () => {
      const pid = database.pid() ?? 0;
      signal(pid, 'SIGKILL');
      await gone(pid, 5_000);
    },
    start: async () => void (await start()),
    stop: async () => {
      unwrap(await database.stop());
      remove();
    },
  };
});
