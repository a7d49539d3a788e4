/** Whether the long versions of tests were asked for: `POTTER_FULL=1`. */
export const isFullRun: boolean = process.env['POTTER_FULL'] === '1';
