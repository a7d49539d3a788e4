/** Whether something ends in time. It goes on in any case; how it ended is not looked at. */
export async function within(work: Promise<unknown>, patienceMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const patience = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), patienceMs);
  });
  const ended = Promise.allSettled([work]).then(() => true);
  try {
    return await Promise.race([ended, patience]);
  } finally {
    clearTimeout(timer);
  }
}
