/** What the machine takes from outside besides its inputs. */
export interface Moment {
  readonly now: Date;
  /** A number in [0, 1), for jitter. */
  readonly random: () => number;
  /** Start no attempts: the owner is about to give the saga away. */
  readonly hold?: boolean;
}
