/* One message of each type with every field that it may have, written as the encoder writes it. */
#ifndef TESTS_UNIT_PROTO_SAMPLES_H
#define TESTS_UNIT_PROTO_SAMPLES_H

#include "dcls/proto/msg.h"

#define SHA "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define INFO                                                                                                           \
    "[{\"name\": \"m1\", \"sha256\": \"" SHA "\", \"type\": \"resnet\", \"classes\": [\"cat\", \"dog\"], "             \
    "\"imageSize\": 224, \"bytes\": 46830571}]"
#define OPTIONS                                                                                                        \
    "\"epochs\": 3, \"batchSize\": 64, \"learningRate\": 0.01, \"optimizer\": \"sgd\", "                               \
    "\"momentum\": 0.5, \"weightDecay\": 0.0001, \"scheduler\": \"cosine\", \"warmupEpochs\": 1, "                     \
    "\"labelSmoothing\": 0.25, \"classWeights\": \"balanced\", \"validationSplit\": 0.25, \"patience\": 2, "           \
    "\"freeze\": true, \"imageSize\": 32, "                                                                            \
    "\"seed\": 7, \"augment\": \"none\", "                                                                             \
    "\"fastDecode\": true, \"cache\": 64, "                                                                            \
    "\"backend\": \"reference\", \"weights\": \"sha256:" SHA "\", "                                                    \
    "\"resume\": \"m0\", \"noCheckpoint\": true"

static const char *const samples[MSG_TYPE_COUNT] = {
    [MSG_CLIENT_CONNECT] =
        "{\"type\": \"CLIENT CONNECT\", \"name\": \"node0\", \"protocol\": 1, \"version\": \"0.1.0\", "
        "\"features\": [\"train\", \"option:imageSize\"], \"instance\": \"a1b2c3\", \"secret\": \"" SHA "\", "
        "\"addresses\": [\"10.0.0.1\"], "
        "\"cores\": 2, \"cpu\": \"AMD EPYC\", \"memory\": 8589934592, \"dataset\": {\"images\": 234, \"classes\": 3}}",
    [MSG_SERVER_ACK] = "{\"type\": \"SERVER ACK\", \"protocol\": 1, \"version\": \"0.1.0\", \"features\": [\"blobs\"], "
                       "\"apiPort\": 8001}",
    [MSG_NODE_INFO] = "{\"type\": \"NODE INFO\", \"name\": \"node0\", \"models\": [\"m1\", \"m2\"], "
                      "\"modelInfo\": " INFO
                      ", \"jobs\": [{\"job\": \"1\", \"state\": \"running\"}], \"dataset\": {\"images\": 234}}",
    [MSG_CLIENT_PING] = "{\"type\": \"CLIENT PING\", \"name\": \"node0\", \"load\": "
                        "{\"cpu\": 37.5, \"memoryUsed\": 4294967296, \"queue\": 2}}",
    [MSG_SERVER_PONG] = "{\"type\": \"SERVER PONG\"}",
    [MSG_SERVER_PING] = "{\"type\": \"SERVER PING\"}",
    [MSG_CLIENT_PONG] = "{\"type\": \"CLIENT PONG\", \"name\": \"node0\", \"load\": "
                        "{\"cpu\": 37.5, \"memoryUsed\": 4294967296, \"queue\": 2}}",
    [MSG_CLIENT_DISCONNECT] = "{\"type\": \"CLIENT DISCONNECT\", \"name\": \"node0\"}",
    [MSG_SERVER_TRAIN] = "{\"type\": \"SERVER TRAIN\", \"modelName\": \"m1\", \"modelType\": \"resnet\", " OPTIONS
                         ", \"train_key\": \"train:1795410898271\", \"job\": \"3\", \"generation\": 1}",
    [MSG_TRAINING_COMPLETED] =
        "{\"type\": \"TRAINING_COMPLETED\", \"name\": \"node0\", \"train_key\": \"train:1\", \"model_name\": \"m1\", "
        "\"data\": {\"model_path\": \"models/m1/m1.pth\", \"output_contents\": \"Epoch [1/1]\\nz\\u0001\\\"\\\\\"}, "
        "\"job\": \"3\", \"generation\": 1, \"instance\": \"a1b2c3\", \"report\": {\"epochs\": 1, \"results\": "
        "[{\"train_loss\": 1.1854}]}, "
        "\"modelInfo\": " INFO "}",
    [MSG_NEW_MODEL_ADDED] = "{\"type\": \"NEW MODEL ADDED\", \"name\": \"node0\", \"new_model\": \"m2\", "
                            "\"models\": [\"m1\", \"m2\"], \"modelInfo\": " INFO "}",
    [MSG_SERVER_INFERENCE] = "{\"type\": \"SERVER INFERENCE\", \"inference_key\": \"inference:1\", "
                             "\"image_path\": \"images/a b/\xc3\xa9.jpg\", "
                             "\"model_name\": \"m1\", \"imageSha256\": \"" SHA "\", \"modelSha256\": \"" SHA "\"}",
    [MSG_JSON_RESPONSE] = "{\"type\": \"JSON_RESPONSE\", \"name\": \"node0\", \"inference_key\": \"inference:1\", "
                          "\"json_name\": \"m1\", \"data\": {\"output\": [[\"cow\", 0.3764], [\"dog\", 1e-05]], "
                          "\"none\": null, \"yes\": true, \"no\": false, \"empty\": {}}}",
    [MSG_GET_JSON] = "{\"type\": \"GET_JSON\", \"name\": \"node0\", \"json_name\": \"m1\"}",
    [MSG_ERROR] = "{\"type\": \"ERROR\", \"name\": \"node0\", \"json_name\": \"m1\", \"message\": \"it is 'so'\", "
                  "\"inference_key\": \"inference:1\"}",
    [MSG_TRAINING_PROGRESS] =
        "{\"type\": \"TRAINING PROGRESS\", \"name\": \"node0\", \"train_key\": \"train:1\", \"model_name\": \"m1\", "
        "\"job\": \"3\", \"generation\": 0, \"instance\": \"a1b2c3\", \"epoch\": 1, \"epochs\": 3, \"batch\": 5, "
        "\"batches\": 10, "
        "\"imagesPerSecond\": 4.25, \"loss\": 0.4885, \"accuracy\": 79.57, \"result\": {\"epoch\": 1}, "
        "\"message\": \"fetching\", \"notice\": \"starts at random\"}",
    [MSG_TRAINING_FAILED] =
        "{\"type\": \"TRAINING FAILED\", \"name\": \"node0\", \"train_key\": \"train:1\", \"model_name\": \"m1\", "
        "\"job\": \"3\", \"generation\": 1, \"instance\": \"a1b2c3\", \"message\": \"no images\", \"cancelled\": "
        "false}",
    [MSG_SERVER_CANCEL] = "{\"type\": \"SERVER CANCEL\", \"train_key\": \"train:1\", \"job\": \"3\", "
                          "\"generation\": 1}",
    [MSG_SERVER_JOB_ACK] = "{\"type\": \"SERVER JOB ACK\", \"train_key\": \"train:1\", \"job\": \"3\", "
                           "\"generation\": 1}",
    [MSG_SERVER_PUSH] = "{\"type\": \"SERVER PUSH\", \"model_name\": \"m1\", \"modelSha256\": \"" SHA "\"}",
    [MSG_SERVER_REMOVE] = "{\"type\": \"SERVER REMOVE\", \"model_name\": \"m1\", \"modelSha256\": \"" SHA "\"}",
    [MSG_MODEL_REMOVED] = "{\"type\": \"MODEL REMOVED\", \"name\": \"node0\", \"model_name\": \"m1\", "
                          "\"modelSha256\": \"" SHA "\"}",
    [MSG_REMOVE_FAILED] = "{\"type\": \"REMOVE FAILED\", \"name\": \"node0\", \"model_name\": \"m1\", "
                          "\"modelSha256\": \"" SHA "\", \"message\": \"read-only\"}",
    [MSG_GET_DATASET] = "{\"type\": \"GET_DATASET\", \"view_key\": \"view:1\"}",
    [MSG_GET_IMAGE] = "{\"type\": \"GET_IMAGE\", \"view_key\": \"view:1\", \"split\": \"test\", \"index\": 0, "
                      "\"width\": 160}",
    [MSG_GET_ANSWERS] = "{\"type\": \"GET_ANSWERS\", \"view_key\": \"view:1\", \"model_name\": \"m1\", "
                        "\"label\": \"cow\", \"predicted\": \"dog\", \"wrong\": true, \"limit\": 50, \"offset\": 0}",
    [MSG_VIEW] = "{\"type\": \"VIEW\", \"name\": \"node0\", \"view_key\": \"view:1\", \"data\": {\"count\": 2}}",
    [MSG_VIEW_FAILED] = "{\"type\": \"VIEW FAILED\", \"name\": \"node0\", \"view_key\": \"view:1\", \"status\": 404, "
                        "\"message\": \"there is no such image\"}",
    [MSG_MPI_FENCE] = "{\"type\": \"MPI FENCE\", \"train_key\": \"train:1\", \"job\": \"3\", \"generation\": 1, "
                      "\"puts\": {\"a\": \"b\"}}",
    [MSG_WORKER_TRAIN] =
        "{\"type\": \"WORKER TRAIN\", \"modelName\": \"m1\", \"modelType\": \"resnet\", " OPTIONS
        ", \"train_key\": \"train:1\", \"job\": \"3\", \"generation\": 1, \"dataDir\": \"/d\", \"modelsDir\": \"/m\", "
        "\"weightsFile\": \"/w.pth\", \"notices\": [\"starts at random\", \"3 files are left out\"], \"threads\": 2}",
    [MSG_WORKER_INFERENCE] =
        "{\"type\": \"WORKER INFERENCE\", \"inference_key\": \"inference:1\", \"image_path\": \"images/a.jpg\", "
        "\"imageFile\": \"/i/a.jpg\", \"model_name\": \"m1\", \"modelsDir\": \"/m\", \"threads\": 2}",
    [MSG_WORKER_ALIVE] = "{\"type\": \"WORKER ALIVE\"}",
};

#endif
