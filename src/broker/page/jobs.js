/* The view is not written yet. */
import { h } from './dom.js';
import { title } from './router.js';

export function open(main) {
    title('jobs');
    main.append(h('h1', {}, 'jobs'));
}
