/* Makes a photo small beside the page: decoding and scaling 24 megapixels holds up who does it for 60 ms and more.
 * Takes {id, file, width}, answers {id, blob}: a JPEG, or null where the browser cannot decode it. */
const QUALITY = 0.85;

async function scaled(file, width) {
    const bitmap = await createImageBitmap(file, { resizeWidth: width, resizeQuality: 'medium' });
    const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
    canvas.getContext('bitmaprenderer').transferFromImageBitmap(bitmap);
    return canvas.convertToBlob({ type: 'image/jpeg', quality: QUALITY });
}

onmessage = async ({ data: { id, file, width } }) => {
    postMessage({ id, blob: await scaled(file, width).catch(() => null) });
};
