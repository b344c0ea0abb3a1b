import { describeStore } from '../suite/store-suite.ts';
import { none } from './backend.ts';

describeStore('the control', { definition: none });
