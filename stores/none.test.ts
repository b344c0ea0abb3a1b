import { describeStore } from './conformance.ts';
import { none } from './none.ts';

describeStore('the control', { definition: none });
