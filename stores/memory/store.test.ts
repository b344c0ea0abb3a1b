import { describeStore } from '../suite/store-suite.ts';
import { memory } from './backend.ts';

describeStore('memory', { definition: memory });
describeStore('memory, last write wins', { definition: memory, options: { write: 'lww' } });
