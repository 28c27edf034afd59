// A fully connected layer with a workgroup for every output and weights in half precision, two to a word: half the bytes
// to keep and to read. An invocation takes neighbouring pairs; c is even, so that every row begins with a word.

override ACTIVATION: u32 = 0u; // 0 none, 1 ReLU, 2 ReLU6, 3 tanh, 4 sigmoid

struct Dims {
    len: u32, // n * o
    c: u32,
    o: u32,
}

@group(0) @binding(0) var<storage, read> x: array<vec2f>;
// [o, c], the first of two weights in the low half of its word.
@group(0) @binding(1) var<storage, read> w: array<u32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(0) @binding(4) var<uniform> dims: Dims;

var<workgroup> parts: array<f32, 64>;

// Arguments are clamped where the result no longer changes, because large ones overflow on some devices.
fn activate(v: f32) -> f32 {
    if (ACTIVATION == 1u) { return max(v, 0.0); }
    if (ACTIVATION == 2u) { return clamp(v, 0.0, 6.0); }
    if (ACTIVATION == 3u) { return tanh(clamp(v, -15.0, 15.0)); }
    if (ACTIVATION == 4u) { return 1.0 / (1.0 + exp(-clamp(v, -80.0, 80.0))); }
    return v;
}

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3u,
    @builtin(num_workgroups) count: vec3u,
    @builtin(local_invocation_index) local: u32,
) {
    // Clamped and not left early, because every invocation has to arrive at the barriers.
    let group = workgroup.y * count.x + workgroup.x;
    let index = min(group, dims.len - 1u);
    let n = index / dims.o;
    let o = index % dims.o;
    let pairs = dims.c / 2u;
    var sum = vec2f();
    for (var pair = local; pair < pairs; pair += 64u) {
        sum += unpack2x16float(w[o * pairs + pair]) * x[n * pairs + pair];
    }
    parts[local] = sum.x + sum.y;
    for (var half = 32u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if (local < half) { parts[local] += parts[local + half]; }
    }
    if (local == 0u && group < dims.len) { y[index] = activate(parts[0] + b[o]); }
}
