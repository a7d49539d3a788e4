#!/usr/bin/env node
'use strict';

// Runs on any Node.js since version 4: no syntax here is newer. The bundle beside it needs a current one.
var version = process.versions.node.split('.').map(Number);
var major = version[0];
var minor = version[1];
var supported = (major === 20 && minor >= 19) || (major === 22 && minor >= 12) || major > 22;

if (supported) {
  require('./cli.cjs');
} else {
  var message =
    'create-potter-example needs Node.js 20.19, 22.12 or newer; this is ' +
    process.versions.node +
    '.';
  if (process.argv.indexOf('--json') !== -1) {
    process.stdout.write(
      JSON.stringify({
        schemaVersion: 1,
        ok: false,
        command: 'create',
        dryRun: false,
        example: null,
        options: null,
        dir: null,
        files: [],
        next: [],
        warnings: [],
        error: { code: 'UNSUPPORTED_NODE', exitCode: 2, message: message, hint: null, details: {} },
        examples: [],
      }) + '\n',
    );
  }
  process.stderr.write('error: ' + message + '\n');
  process.exitCode = 2;
}
