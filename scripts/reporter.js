// A vitest reporter that writes what scripts/test.js prints at the end: counts, and why each skipped test was skipped.
import { writeFileSync } from 'node:fs';

export default class Summary {
  onTestRunEnd(modules, errors) {
    const summary = { passed: 0, failed: errors.length, skipped: [] };
    for (const file of modules) {
      if (file.children.size === 0 || file.errors().length > 0) summary.failed += file.errors().length;
      for (const test of file.children.allTests()) {
        const result = test.result();
        if (result.state === 'passed') summary.passed += 1;
        else if (result.state === 'failed') summary.failed += 1;
        else summary.skipped.push({ test: `${file.relativeModuleId} · ${test.fullName}`, why: result.note ?? 'no reason given' });
      }
    }
    writeFileSync(process.env['FLYBALL_TEST_SUMMARY'], JSON.stringify(summary));
  }
}
