// A fully connected layer with the weights transposed and in half precision, four to a pair of words: half the bytes to
// keep and to read. One invocation makes four neighbouring outputs of one picture, as in linear_columns.wgsl.

override ACTIVATION: u32 = 0u; // 0 none, 1 ReLU, 2 ReLU6, 3 tanh, 4 sigmoid

struct Dims {
    n: u32,
    c: u32,
    o: u32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
// [c, o], outputs padded with zeros, the first of two weights in the low half of its word.
@group(0) @binding(1) var<storage, read> w: array<vec2u>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(0) @binding(4) var<uniform> dims: Dims;

// Arguments are clamped where the result no longer changes, because large ones overflow on some devices.
fn activate(v: f32) -> f32 {
    if (ACTIVATION == 1u) { return max(v, 0.0); }
    if (ACTIVATION == 2u) { return clamp(v, 0.0, 6.0); }
    if (ACTIVATION == 3u) { return tanh(clamp(v, -15.0, 15.0)); }
    if (ACTIVATION == 4u) { return 1.0 / (1.0 + exp(-clamp(v, -80.0, 80.0))); }
    return v;
}

fn store(n: u32, o: u32, sum: f32) {
    if (o >= dims.o) { return; }
    y[n * dims.o + o] = activate(sum + b[o]);
}

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3u,
    @builtin(num_workgroups) count: vec3u,
    @builtin(local_invocation_index) local: u32,
) {
    let index = (workgroup.y * count.x + workgroup.x) * 64u + local;
    let row = (dims.o + 3u) / 4u;
    if (index >= dims.n * row) { return; }
    let n = index / row;
    let o4 = index % row;
    var sum = vec4f();
    for (var c = 0u; c < dims.c; c++) {
        let words = w[c * row + o4];
        sum += vec4f(unpack2x16float(words.x), unpack2x16float(words.y)) * x[n * dims.c + c];
    }
    store(n, o4 * 4u, sum.x);
    store(n, o4 * 4u + 1u, sum.y);
    store(n, o4 * 4u + 2u, sum.z);
    store(n, o4 * 4u + 3u, sum.w);
}
