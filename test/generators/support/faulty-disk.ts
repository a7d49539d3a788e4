import { linkSync, writeFileSync } from 'node:fs';
import { nodeDisk, type Disk } from '../../../generators/engine/disk.ts';

/** Where a disk operation stands. `amid` asks whether to do half of it; `half done` follows when the answer is yes. */
export type Moment = 'before' | 'amid' | 'half done' | 'after';

/** Called at every moment of every operation that changes the disk; may throw or kill. */
export type Interrupt = (operation: string, moment: Moment) => 'do half' | undefined;

/** The real disk, with an interruption possible at every point where a process can die or a call can fail. */
export function interruptedDisk(interrupt: Interrupt): Disk {
  const around = (operation: string, work: () => void, half?: () => void): void => {
    interrupt(operation, 'before');
    // A test that wants to stop here is asked first, so that the half is done only for it.
    if (half !== undefined && interrupt(operation, 'amid') === 'do half') {
      half();
      interrupt(operation, 'half done');
    }
    work();
    interrupt(operation, 'after');
  };
  return {
    ...nodeDisk,
    makeDirectory: (path) => {
      around('makeDirectory', () => {
        nodeDisk.makeDirectory(path);
      });
    },
    setMode: (path, mode) => {
      around('setMode', () => {
        nodeDisk.setMode(path, mode);
      });
    },
    write: (path, bytes, executable) => {
      around(
        'write',
        () => {
          nodeDisk.write(path, bytes, executable);
        },
        () => {
          writeFileSync(path, bytes.subarray(0, Math.floor(bytes.length / 2)));
        },
      );
    },
    rename: (from, to) => {
      around('rename', () => {
        nodeDisk.rename(from, to);
      });
    },
    moveFile: (from, to) => {
      around(
        'moveFile',
        () => {
          nodeDisk.moveFile(from, to);
        },
        () => {
          linkSync(from, to);
        },
      );
    },
    remove: (path) => {
      around('remove', () => {
        nodeDisk.remove(path);
      });
    },
  };
}

/** A failure as the operating system reports it. */
export function errno(code: string): Error {
  return Object.assign(new Error(`${code}: injected`), { code });
}
