// A fully connected layer as it is defined: y = activation(w x + b), w of [o, c]. One invocation makes one output.

override ACTIVATION: u32 = 0u; // 0 none, 1 ReLU, 2 ReLU6, 3 tanh, 4 sigmoid

struct Dims {
    len: u32, // n * o
    c: u32,
    o: u32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> w: array<f32>;
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

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3u,
    @builtin(num_workgroups) count: vec3u,
    @builtin(local_invocation_index) local: u32,
) {
    let index = (workgroup.y * count.x + workgroup.x) * 64u + local;
    if (index >= dims.len) { return; }
    let n = index / dims.o;
    let o = index % dims.o;
    var sum = b[o];
    for (var c = 0u; c < dims.c; c++) {
        sum += w[o * dims.c + c] * x[n * dims.c + c];
    }
    y[index] = activate(sum);
}
