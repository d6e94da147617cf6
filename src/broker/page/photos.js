/* The photos that are classified, given as files or lying in the broker's image folder, and which files are taken.
 *
 * A photo is {id, name, file, path, thumbnail, answers}: it has either a `file` or the `path` of the broker's;
 * `thumbnail` is previews.js's, and `answers` (a Map) classification.js's. A name is text from elsewhere: it is only
 * ever shown as text. */

export const PHOTOS_MAX = 20000;

/* As the broker's list of images; HEIC and the like, which browsers seldom know by type, are a node's to refuse. */
const ENDINGS = /\.(avif|bmp|gif|heic|heif|jfif|jpe?g|p[bgnp]m|png|tiff?|webp)$/i;

let serial = 0;

function photo(name, file, path) {
    serial += 1;
    return { id: serial, name, file, path, thumbnail: null, answers: new Map() };
}

/* `name`: the path in a folder that was dropped; else the file's name. */
export function photoOfFile(file, name = file.name) {
    return photo(name || 'photo', file, null);
}

/* As GET /images lists it: './images/test/cow/3.jpg'. */
export function photoOfPath(path) {
    return photo(path.replace(/^\.?\/?images\//, ''), null, path);
}

/* Without its folders. */
export function baseName(path) {
    return path.slice(path.lastIndexOf('/') + 1);
}

export function isImageFile(file) {
    return file.type.startsWith('image/') || ENDINGS.test(file.name);
}

export function isDone(answer) {
    return answer?.state === 'done';
}

/* null: there is no answer. */
export function classOf(answer) {
    return isDone(answer) ? answer.top[0][0] : null;
}

/* Whether two models were asked, both answered, and see different classes in it. */
export function modelsDiffer(photo, questions) {
    const classes = questions.map((question) => classOf(photo.answers.get(question.key)));
    return !classes.includes(null) && new Set(classes).size > 1;
}
