import { ERROR_CODES, type PotterErrorCode } from '../runtime/src/errors/error-codes.ts';
import { ERROR_STATUS } from '../runtime/src/http/problems/problem-status.ts';

/** The text of docs/errors.md: every code with its meaning, its remedy and its HTTP status. */
export function renderErrorDocs(): string {
  const sections = Object.entries(ERROR_CODES).map(([code, { meaning, remedy }]) => {
    const status = ERROR_STATUS[code as PotterErrorCode] ?? 500;
    return `## ${code}\n\n${meaning}\n\n**What to do:** ${remedy}\n\nOver HTTP: ${status}.\n`;
  });
  return `${INTRODUCTION}\n${sections.join('\n')}`;
}

const INTRODUCTION = `# Error codes

<!-- Written by \`npm run docs\` from runtime/src/errors/error-codes.ts and the table of HTTP statuses. -->

Every error the runtime throws is a \`PotterError\` with one of these codes, in its \`code\` and at the start of its message; \`details\` has the
values, \`cause\` the error underneath. An HTTP problem (RFC 9457) carries the code in \`code\`. The set is closed: a release that adds a code says
so in its changelog.

Codes that are not here belong to a service's own domain (\`INSUFFICIENT_FUNDS\`): its code throws them as a \`Rejection\`, which HTTP answers
with 409 (\`conflict\`: wrong state), 422 (\`rule\`) or 404 (\`not-found\`).
`;
