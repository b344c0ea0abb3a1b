import { describeStore } from '../suite/conformance.ts';
import { none } from './backend.ts';

describeStore('the control', { definition: none });
