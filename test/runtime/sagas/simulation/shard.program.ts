import { simulate } from './simulate.ts';

/**
 * Runs the seeds from FROM to TO and tells, a line each, which of them broke a rule: `seed <n> <rules as JSON>`; at the end
 * `done <seeds>`. For full runs, which take every core there is.
 */
const { FROM = '1', TO = '0' } = process.env;
let seeds = 0;
for (let seed = Number(FROM); seed <= Number(TO); seed += 1) {
  const { violations } = await simulate(seed);
  seeds += 1;
  if (violations.length > 0) {
    process.stdout.write(`seed ${seed} ${JSON.stringify(violations.map(({ rule }) => rule))}\n`);
  }
}
process.stdout.write(`done ${seeds}\n`);
