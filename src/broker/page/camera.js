/* A photo by the camera, where the browser offers one (at localhost and over HTTPS alone). The camera runs while its
 * dialog is open, and no longer. */
import { attribute, fill, h, text } from './dom.js';
import { photoOfFile } from './photos.js';
import { button } from './ui.js';

const QUALITY = 0.92;

export function cameraIsOffered() {
    return Boolean(navigator.mediaDevices?.getUserMedia);
}

function reasonOf(error) {
    if (error.name === 'NotAllowedError')
        return 'The browser does not let this page use the camera: allow it beside the address.';
    if (error.name === 'NotFoundError')
        return 'There is no camera.';
    return `The camera cannot be used: ${error.message || error.name}.`;
}

function pictureOf(video) {
    const canvas = h('canvas', { width: video.videoWidth, height: video.videoHeight });
    canvas.getContext('2d').drawImage(video, 0, 0);
    return new Promise((resolve) => canvas.toBlob(resolve, 'image/jpeg', QUALITY));
}

function nameNow() {
    const now = new Date();
    const time = [now.getHours(), now.getMinutes(), now.getSeconds()].map((part) => String(part).padStart(2, '0'));
    return `camera ${time.join('.')}.jpg`;
}

/* Shows one camera after another in `video`: {start(device), stop()}. start() answers whether it is still wanted when
 * the camera is there, and throws what the browser says where there is none. */
function cameraStream(video) {
    let stream = null;
    let turn = 0; /* a camera that comes after another was asked for, or after the end, is let go at once */

    function stop() {
        turn += 1;
        for (const track of stream?.getTracks() ?? [])
            track.stop();
        stream = null;
        video.srcObject = null;
    }

    async function start(device) {
        stop();
        const mine = turn;
        const wanted = device ? { deviceId: { exact: device } } : { facingMode: 'environment' };
        const opened = await navigator.mediaDevices.getUserMedia({ video: { ...wanted, width: { ideal: 1280 } } });
        if (mine !== turn) {
            opened.getTracks().forEach((track) => track.stop());
            return false;
        }
        stream = opened;
        video.srcObject = stream;
        await video.play();
        return mine === turn;
    }

    return { start, stop, device: () => stream?.getVideoTracks()[0]?.getSettings().deviceId };
}

/* Opens the dialog; `take(photo)` where one was taken. Returns what closes it. */
export function openCamera(take) {
    const video = h('video', { class: 'camera-video', playsinline: true, 'aria-label': 'What the camera sees' });
    const state = h('p', { class: 'camera-state', role: 'status' }, 'Waiting for the camera');
    const shoot = button('Take photo', onShoot, 'primary', { disabled: true });
    const choice = h('select', { 'aria-label': 'Camera', hidden: true, on: { change: () => start(choice.value) } });
    const dialog = h('dialog', { class: 'dialog camera', 'aria-label': 'Take a photo', on: { close: onClose } },
        h('div', { class: 'camera-stage' }, video, state),
        h('div', { class: 'actions' }, choice, button('Close', () => dialog.close()), shoot));
    const camera = cameraStream(video);
    let closed = false;

    async function listCameras() {
        const devices = await navigator.mediaDevices.enumerateDevices();
        const cameras = devices.filter((device) => device.kind === 'videoinput');
        const used = camera.device();
        fill(choice, cameras.map(({ deviceId, label }, index) =>
            h('option', { value: deviceId, selected: deviceId === used }, label || `Camera ${index + 1}`)));
        choice.hidden = cameras.length < 2;
    }

    async function start(device) {
        shoot.disabled = true;
        try {
            if (!await camera.start(device))
                return;
            text(state, '');
            shoot.disabled = false;
            if (document.activeElement !== choice)
                shoot.focus();
            await listCameras();
        } catch (error) {
            if (!closed)
                text(state, reasonOf(error));
        }
    }

    async function onShoot() {
        const blob = await pictureOf(video);
        if (!blob || closed)
            return;
        dialog.close();
        take(photoOfFile(new File([blob], nameNow(), { type: blob.type })));
    }

    function onClose() {
        closed = true;
        camera.stop();
        dialog.remove();
    }

    attribute(video, 'muted', true);
    document.body.append(dialog);
    dialog.showModal();
    start(null);
    return () => dialog.close();
}
