/* The view is not written yet. */
import { h } from './dom.js';
import { title } from './router.js';

export function open(main) {
    title('model');
    main.append(h('h1', {}, 'model'));
}
