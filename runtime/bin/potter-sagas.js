#!/usr/bin/env node
// Not compiled, so that npm can link the command before the first build.
import '../dist/bin/potter-sagas.js';
