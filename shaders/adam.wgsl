// Adam and AdamW, one invocation a weight: the mean of the gradients over the root of the mean of their squares. Rate
// and correction carry the step's number.

override SCALED: bool = false;

struct Dims {
    len: u32,
    rate: f32,
    shrink: f32, // of the weight, where decay is decoupled
    mean_share: f32, // of the gradient
    beta2: f32,
    square_share: f32,
    epsilon: f32,
    decay: f32, // added to the gradient, where it is not
    correction: f32,
}

@group(0) @binding(0) var<storage, read> g: array<f32>;
@group(0) @binding(1) var<storage, read> scale: array<f32>;
@group(0) @binding(2) var<storage, read_write> mean: array<f32>;
@group(0) @binding(3) var<storage, read_write> square: array<f32>;
@group(0) @binding(4) var<storage, read_write> w: array<f32>;
@group(0) @binding(5) var<uniform> dims: Dims;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3u,
    @builtin(num_workgroups) count: vec3u,
    @builtin(local_invocation_index) local: u32,
) {
    let index = (workgroup.y * count.x + workgroup.x) * 64u + local;
    if (index >= dims.len) { return; }
    var gradient = g[index];
    if (SCALED) { gradient *= scale[0]; }
    gradient += dims.decay * w[index];
    let m = mean[index] + dims.mean_share * (gradient - mean[index]);
    let v = dims.beta2 * square[index] + dims.square_share * gradient * gradient;
    mean[index] = m;
    square[index] = v;
    w[index] = dims.shrink * w[index] - dims.rate * m / (sqrt(v) * dims.correction + dims.epsilon);
}
