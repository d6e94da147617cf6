/* Light or dark, before anything is painted: a classic script in the head, so that no wrong colours flash. The choice
 * ("light", "dark"; none: as the system has it) lies in localStorage. Where something changes it, it tells by an event
 * "themechoice" on the window; what draws by itself follows the attribute data-theme of the root. */
(function () {
    'use strict';
    const dark = window.matchMedia('(prefers-color-scheme: dark)');

    function choice() {
        try {
            return localStorage.getItem('theme');
        } catch {
            return null; /* storage is off: the system's */
        }
    }

    function apply() {
        const chosen = choice();
        const theme = chosen === 'light' || chosen === 'dark' ? chosen : dark.matches ? 'dark' : 'light';
        document.documentElement.dataset.theme = theme;
        const meta = document.querySelector('meta[name="theme-color"]');
        if (meta)
            meta.content = theme === 'dark' ? '#0f1115' : '#ffffff';
    }

    dark.addEventListener('change', apply);
    window.addEventListener('themechoice', apply);
    window.addEventListener('storage', apply);
    apply();
})();
