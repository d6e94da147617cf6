/* What describes each network of the table to a net, with torchvision's names and order of parameters. */
#ifndef DCLS_NN_MODELS_BUILD_H
#define DCLS_NN_MODELS_BUILD_H

struct net;

void resnet_build(struct net *net, int classes);
void resnet34_build(struct net *net, int classes);
void resnet50_build(struct net *net, int classes);
void mobilenet_build(struct net *net, int classes);
void efficientnet_build(struct net *net, int classes);

#endif
