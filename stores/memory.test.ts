import { describeStore } from './conformance.ts';
import { memory } from './memory.ts';

describeStore('memory', { definition: memory });
describeStore('memory, last write wins', { definition: memory, options: { write: 'lww' } });
