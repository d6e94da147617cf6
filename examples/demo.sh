#!/bin/sh
# A broker and three nodes train a ResNet-18 on Fashion-MNIST, classify test images, and stop. Needs ./dcls and
# Debian's dataset-fashion-mnist; `make demo` sees to both. Everything happens in a temporary folder.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
dcls=${DCLS:-$here/../dcls}
fashion=${FASHION_MNIST:-/usr/share/datasets/fashion-mnist}
cluster=$(mktemp -d "${TMPDIR:-/tmp}/dcls-demo.XXXXXX")
. "$here/cluster.sh"

finish() {
    cluster_down
    rm -rf "$cluster"
}
trap finish EXIT
trap 'exit 130' INT TERM

images=$cluster/images
mkdir "$images"
cp "$fashion"/*-ubyte.gz "$images"
printf '%s\n' t-shirt trouser pullover dress coat sandal shirt sneaker bag boot >"$images/classes.txt"

echo "== a broker and three nodes"
cluster_up 0 0 --images images
"$dcls" client nodes

echo "== dcls client train resnet --name fashion --epochs 1 --image-size 32 --batch-size 64 --weights none"
"$dcls" client train resnet --name fashion --epochs 1 --image-size 32 --batch-size 64 --weights none --seed 1
accuracy=$("$dcls" client log fashion | sed -n 's/^Epoch.*Test Accuracy: \([0-9.]*\)%.*/\1/p' | tail -n 1)

echo "== dcls client infer: the first ten test images"
# An image of the test file is 784 bytes behind a header of 16. In front of them goes the header of a BMP: 28 x 28, the
# top row first (hence the negative height), a byte a pixel, and a palette of 256 greys.
zcat "$fashion/t10k-images-idx3-ubyte.gz" | head -c 7856 >"$cluster/first"
{
    printf 'BM\106\007\0\0\0\0\0\0\066\004\0\0\050\0\0\0\034\0\0\0\344\377\377\377\001\0\010\0'
    printf '\0\0\0\0\020\003\0\0\0\0\0\0\0\0\0\0\0\001\0\0\0\0\0\0'
    grey=0
    while [ $grey -lt 256 ]; do
        octal=$(printf '\\%03o' $grey)
        printf "$octal$octal$octal\\0"
        grey=$((grey + 1))
    done
} >"$cluster/header"
labels=$(zcat "$fashion/t10k-labels-idx1-ubyte.gz" | head -c 18 | tail -c 10 | od -An -v -t u1)
number=0
for label in $labels; do
    class=$(sed -n "$((label + 1))p" "$images/classes.txt")
    { cat "$cluster/header"; tail -c +$((17 + 784 * number)) "$cluster/first" | head -c 784; } \
        >"$cluster/$number-$class.bmp"
    number=$((number + 1))
done
(cd "$cluster" && "$dcls" client infer ./*.bmp --model fashion --top 1)

echo "== test accuracy after one epoch: $accuracy %"
