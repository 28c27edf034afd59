// The networks of the stand-in engine: real layer tables, so that the page can be judged on what it will have to draw,
// from five layers to the hundreds of ResNet-152. Knows shapes and names; there are no weights anywhere.

/** Writes a network layer by layer, keeping shapes, costs and receptive fields as the engine does. */
class Table {
  constructor(channels, side) {
    this.nodes = [];
    this.stages = [];
    this.scope = [];
    this.jumps = [];
    this.last = this.add("image", "Input", [], [channels, side, side], 0, 0);
    this.end = -1;
  }
  add(name, kind, inputs, [c, height, width], parameters, macs, kernel = 1, stride = 1) {
    const fields = inputs.map((id) => this.nodes[id].receptiveField);
    const jump = Math.max(1, ...inputs.map((id) => this.jumps[id]));
    const whole = kind === "GlobalAvgPool" || kind === "Linear" || kind === "Flatten" || fields.includes(0);
    this.nodes.push({ name: [...this.scope, name].join("."), kind, inputs, shape: [1, c, height, width], parameters, macs, receptiveField: whole ? 0 : Math.max(1, ...fields) + (kernel - 1) * jump, block: this.scope.join(".") || null, kernel, stride });
    this.jumps.push(jump * stride);
    return this.nodes.length - 1;
  }
  sizeOf(x) {
    return this.nodes[x].shape.slice(1);
  }
  conv(name, x, channels, kernel, stride = 1, padding = (kernel - 1) >> 1, groups = 1) {
    const [c, side] = this.sizeOf(x);
    const to = Math.floor((side + 2 * padding - kernel) / stride) + 1;
    const weights = (channels * c * kernel * kernel) / groups;
    return this.add(name, "Conv2d", [x], [channels, to, to], weights, weights * to * to, kernel, stride);
  }
  like(name, kind, x, parameters = 0) {
    return this.add(name, kind, [x], this.sizeOf(x), parameters, 0);
  }
  convBn(name, x, channels, kernel, stride = 1, relu = "ReLU", groups = 1) {
    x = this.conv(`${name}.conv`, x, channels, kernel, stride, (kernel - 1) >> 1, groups);
    x = this.like(`${name}.bn`, "BatchNorm", x, 2 * channels);
    return relu ? this.like(`${name}.relu`, relu, x) : x;
  }
  pool(name, kind, x, kernel, stride, padding = 0) {
    const [c, side] = this.sizeOf(x);
    const to = Math.ceil((side + 2 * padding - kernel) / stride) + 1;
    return this.add(name, kind, [x], [c, to, to], 0, 0, kernel, stride);
  }
  linear(name, x, to) {
    const from = this.sizeOf(x).reduce((product, length) => product * length, 1);
    return this.add(name, "Linear", [x], [to, 1, 1], from * to + to, from * to);
  }
  block(name, build) {
    this.scope.push(name);
    const x = build();
    this.scope.pop();
    return x;
  }
  stage(name, title, x) {
    const inside = this.nodes.slice(this.end + 1, x + 1);
    this.end = x;
    const sum = (field) => inside.reduce((total, node) => total + node[field], 0);
    this.stages.push({ name, title, shape: this.nodes[x].shape, parameters: sum("parameters"), macs: sum("macs"), receptiveField: this.nodes[x].receptiveField, node: x });
    return x;
  }
  finish(x, classes, name) {
    this.features = x;
    this.linear(name, x, classes);
    return this;
  }
}

function lenet5() {
  const net = new Table(1, 32);
  let x = net.like("tanh1", "Tanh", net.conv("conv1", 0, 6, 5, 1, 0));
  x = net.stage("pool1", "6 maps of strokes and edges", net.pool("pool1", "AvgPool", x, 2, 2));
  x = net.like("tanh2", "Tanh", net.conv("conv2", x, 16, 5, 1, 0));
  x = net.stage("pool2", "16 maps of parts", net.pool("pool2", "AvgPool", x, 2, 2));
  x = net.stage("conv3", "120 numbers that see everything", net.like("tanh3", "Tanh", net.conv("conv3", x, 120, 5, 1, 0)));
  x = net.stage("fc1", "84 numbers: the features", net.like("tanh4", "Tanh", net.linear("fc1", x, 84)));
  return net.finish(x, 10, "fc2");
}

function alexnet() {
  const net = new Table(3, 224);
  const relu = (name, x) => net.like(name, "ReLU", x);
  let x = relu("features.1", net.conv("features.0", 0, 64, 11, 4, 2));
  x = net.stage("features.2", "Edges and colours", net.pool("features.2", "MaxPool", x, 3, 2));
  x = relu("features.4", net.conv("features.3", x, 192, 5, 1, 2));
  x = net.stage("features.5", "Textures", net.pool("features.5", "MaxPool", x, 3, 2));
  for (const [at, channels] of [[6, 384], [8, 256], [10, 256]]) x = relu(`features.${at + 1}`, net.conv(`features.${at}`, x, channels, 3));
  x = net.stage("features.12", "Parts", net.pool("features.12", "MaxPool", x, 3, 2));
  x = relu("classifier.2", net.linear("classifier.1", x, 4096));
  x = net.stage("classifier.5", "4096 numbers: the features", relu("classifier.5", net.linear("classifier.4", x, 4096)));
  return net.finish(x, 1000, "classifier.6");
}

function vgg16() {
  const net = new Table(3, 224);
  let x = 0;
  let at = 0;
  [[2, 64], [2, 128], [3, 256], [3, 512], [3, 512]].forEach(([count, channels], index) => {
    for (let layer = 0; layer < count; layer += 1, at += 2) x = net.like(`features.${at + 1}`, "ReLU", net.conv(`features.${at}`, x, channels, 3));
    x = net.stage(`features.${at}`, `Stage ${index + 1}: ${count} convolutions of ${channels} channels`, net.pool(`features.${at}`, "MaxPool", x, 2, 2));
    at += 1;
  });
  x = net.like("classifier.1", "ReLU", net.linear("classifier.0", x, 4096));
  x = net.stage("classifier.4", "4096 numbers: the features", net.like("classifier.4", "ReLU", net.linear("classifier.3", x, 4096)));
  return net.finish(x, 1000, "classifier.6");
}

function resnet(depths, { bottleneck = false, shortcuts = true } = {}) {
  const net = new Table(3, 224);
  let x = net.like("bn1", "BatchNorm", net.conv("conv1", 0, 64, 7, 2, 3), 128);
  x = net.stage("maxpool", "Stem: 7 x 7 convolution and pooling", net.pool("maxpool", "MaxPool", net.like("relu", "ReLU", x), 3, 2, 0));
  depths.forEach((depth, index) => {
    const width = 64 << index;
    const channels = bottleneck ? width * 4 : width;
    const layers = bottleneck ? [[width, 1], [width, 3], [channels, 1]] : [[width, 3], [width, 3]];
    for (let block = 0; block < depth; block += 1) {
      const stride = index > 0 && block === 0 ? 2 : 1;
      x = net.block(`layer${index + 1}.${block}`, () => {
        let y = x;
        layers.forEach(([c, kernel], layer) => {
          y = net.conv(`conv${layer + 1}`, y, c, kernel, kernel === 3 && net.sizeOf(x)[1] === net.sizeOf(y)[1] ? stride : 1);
          y = net.like(`bn${layer + 1}`, "BatchNorm", y, 2 * c);
          if (layer < layers.length - 1) y = net.like(`relu${layer + 1}`, "ReLU", y);
        });
        if (!shortcuts) return net.like(`relu${layers.length}`, "ReLU", y);
        let around = x;
        if (net.sizeOf(x)[0] !== channels || stride > 1) around = net.like("downsample.1", "BatchNorm", net.conv("downsample.0", x, channels, 1, stride), 2 * channels);
        return net.like(`relu${layers.length}`, "ReLU", net.add("add", "Add", [y, around], net.sizeOf(y), 0, 0));
      });
    }
    net.stage(`layer${index + 1}`, `Stage ${index + 1}: ${depth} ${shortcuts ? "residual" : "plain"} blocks of ${channels} channels`, x);
  });
  x = net.add("avgpool", "GlobalAvgPool", [x], [net.sizeOf(x)[0], 1, 1], 0, 0);
  return net.finish(net.stage("avgpool", "Average of every channel: the features", x), 1000, "fc");
}

function googlenet() {
  const net = new Table(3, 224);
  let x = net.convBn("conv1", 0, 64, 7, 2);
  x = net.pool("maxpool1", "MaxPool", x, 3, 2);
  x = net.convBn("conv3", net.convBn("conv2", x, 64, 1), 192, 3);
  x = net.stage("maxpool2", "Stem: three convolutions", net.pool("maxpool2", "MaxPool", x, 3, 2));
  const inception = (name, [one, three0, three, five0, five, pooled]) => net.block(name, () => {
    const branches = [net.convBn("branch1", x, one, 1), net.convBn("branch2.1", net.convBn("branch2.0", x, three0, 1), three, 3), net.convBn("branch3.1", net.convBn("branch3.0", x, five0, 1), five, 3)];
    branches.push(net.convBn("branch4.1", net.add("branch4.0", "MaxPool", [x], net.sizeOf(x), 0, 0, 3), pooled, 1));
    const [, side] = net.sizeOf(x);
    return net.add("concat", "Concat", branches, [one + three + five + pooled, side, side], 0, 0);
  });
  x = inception("inception3a", [64, 96, 128, 16, 32, 32]);
  x = inception("inception3b", [128, 128, 192, 32, 96, 64]);
  x = net.stage("maxpool3", "Inception 3a and 3b", net.pool("maxpool3", "MaxPool", x, 3, 2));
  for (const [name, table] of [["4a", [192, 96, 208, 16, 48, 64]], ["4b", [160, 112, 224, 24, 64, 64]], ["4c", [128, 128, 256, 24, 64, 64]], ["4d", [112, 144, 288, 32, 64, 64]], ["4e", [256, 160, 320, 32, 128, 128]]]) x = inception(`inception${name}`, table);
  x = net.stage("maxpool4", "Inception 4a to 4e", net.pool("maxpool4", "MaxPool", x, 2, 2));
  x = inception("inception5a", [256, 160, 320, 32, 128, 128]);
  x = net.stage("inception5b", "Inception 5a and 5b", inception("inception5b", [384, 192, 384, 48, 128, 128]));
  x = net.add("avgpool", "GlobalAvgPool", [x], [1024, 1, 1], 0, 0);
  return net.finish(net.stage("avgpool", "Average of every channel: the features", x), 1000, "fc");
}

function efficientnet() {
  const net = new Table(3, 224);
  let x = net.stage("stem", "Stem: edges and colours", net.convBn("stem", 0, 32, 3, 2, "ReLU6"));
  let number = 0;
  [[1, 3, 1, 1, 16], [2, 3, 2, 6, 24], [2, 5, 2, 6, 40], [3, 3, 2, 6, 80], [3, 5, 1, 6, 112], [4, 5, 2, 6, 192], [1, 3, 1, 6, 320]].forEach(([repeats, kernel, first, expansion, channels], index) => {
    for (let repeat = 0; repeat < repeats; repeat += 1, number += 1) {
      x = net.block(`blocks.${number}`, () => {
        const [c] = net.sizeOf(x);
        const stride = repeat === 0 ? first : 1;
        const y = expansion > 1 ? net.convBn("expand", x, c * expansion, 1, 1, "ReLU6") : x;
        const z = net.convBn("project", net.convBn("depthwise", y, c * expansion, kernel, stride, "ReLU6", c * expansion), channels, 1, 1, "");
        return stride === 1 && c === channels ? net.add("add", "Add", [z, x], net.sizeOf(z), 0, 0) : z;
      });
    }
    net.stage(`blocks.${number - 1}`, `Stage ${index + 1}: ${repeats} ${repeats === 1 ? "block" : "blocks"}, ${channels} channels`, x);
  });
  x = net.stage("head", "1280 detectors", net.convBn("head", x, 1280, 1, 1, "ReLU6"));
  x = net.add("avgpool", "GlobalAvgPool", [x], [1280, 1, 1], 0, 0);
  return net.finish(net.stage("avgpool", "Average of every detector: the features", x), 1000, "classifier");
}

const PARTS = [
  ["lenet5", "LeNet-5", "LeNet", 1998, 5, null, lenet5], ["alexnet", "AlexNet", "AlexNet", 2012, 8, 56.52, alexnet], ["vgg16", "VGG-16", "VGG", 2014, 16, 71.59, vgg16],
  ["googlenet", "GoogLeNet", "GoogLeNet", 2014, 22, 69.78, googlenet], ["resnet18", "ResNet-18", "ResNet", 2015, 18, 69.76, () => resnet([2, 2, 2, 2])],
  ["plain18", "Plain-18", "ResNet", 2015, 18, null, () => resnet([2, 2, 2, 2], { shortcuts: false })],
  ["resnet152", "ResNet-152", "ResNet", 2015, 152, 78.31, () => resnet([3, 8, 36, 3], { bottleneck: true })], ["efficientnet_lite0", "EfficientNet-Lite0", "EfficientNet-Lite", 2020, 50, 75.5, efficientnet],
];

/** `{ model, architecture }` by id. */
export const NETWORKS = new Map(PARTS.map(([id, title, family, year, depth, top1, build]) => {
  const table = build();
  const sum = (field, nodes = table.nodes) => nodes.reduce((total, node) => total + node[field], 0);
  const [, channels, height, width] = table.nodes[0].shape;
  const model = {
    id, title, family, year, depth, paper: `The paper of ${title}`, parameters: sum("parameters"), macs: sum("macs"), trunkParameters: sum("parameters", table.nodes.slice(0, table.features + 1).filter((node) => node.kind !== "Linear")),
    input: { channels, height, width }, classes: table.nodes.at(-1).shape[1], dataset: "ImageNet", featureLength: 108, trunkFeatureLength: 108, weights: null, accuracy: top1 && { top1, source: "torchvision" },
  };
  return [id, { model, architecture: { nodes: table.nodes, stages: table.stages } }];
}));
