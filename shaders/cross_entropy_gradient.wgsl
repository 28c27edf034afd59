// The gradient of the mean cross entropy of a batch: dx = (p - t) / n dy with p the softmax of the logits and t the
// label's class, SMOOTHING of it spread over all. One invocation makes one picture.

override SMOOTHING: f32 = 0.0;
// Whether a label is a distribution over the classes and not the number of one.
override SOFT: bool = false;

struct Dims {
    n: u32,
    c: u32,
}

@group(0) @binding(0) var<storage, read> logits: array<f32>;
@group(0) @binding(1) var<storage, read> labels: array<f32>;
@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> dx: array<f32>;
@group(0) @binding(4) var<uniform> dims: Dims;

// What picture n should have answered for class c.
fn target_of(n: u32, c: u32) -> f32 {
    var right = 0.0;
    if (SOFT) {
        right = labels[n * dims.c + c];
    } else if (c == u32(labels[n])) {
        right = 1.0;
    }
    return (1.0 - SMOOTHING) * right + SMOOTHING / f32(dims.c);
}

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3u,
    @builtin(num_workgroups) count: vec3u,
    @builtin(local_invocation_index) local: u32,
) {
    let n = (workgroup.y * count.x + workgroup.x) * 64u + local;
    if (n >= dims.n) { return; }
    let row = n * dims.c;
    var largest = logits[row];
    for (var c = 1u; c < dims.c; c++) { largest = max(largest, logits[row + c]); }
    var scale = 0.0;
    for (var c = 0u; c < dims.c; c++) { scale += exp(logits[row + c] - largest); }
    for (var c = 0u; c < dims.c; c++) {
        let p = exp(logits[row + c] - largest) / scale;
        dx[row + c] = (p - target_of(n, c)) * dy[0] / f32(dims.n);
    }
}
