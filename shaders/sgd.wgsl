// Stochastic gradient descent, one invocation a weight: g += decay w; v = momentum v + g; w -= rate v, or with
// Nesterov's momentum w -= rate (g + momentum v).

override MOMENTUM: bool = true;
override NESTEROV: bool = false;
override SCALED: bool = false;

struct Dims {
    len: u32,
    rate: f32,
    momentum: f32,
    decay: f32,
}

@group(0) @binding(0) var<storage, read> g: array<f32>;
@group(0) @binding(1) var<storage, read> scale: array<f32>;
@group(0) @binding(2) var<storage, read_write> velocity: array<f32>;
@group(0) @binding(3) var<storage, read_write> w: array<f32>;
@group(0) @binding(4) var<uniform> dims: Dims;

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
    var step = gradient;
    if (MOMENTUM) {
        let v = dims.momentum * velocity[index] + gradient;
        velocity[index] = v;
        step = v;
        if (NESTEROV) { step = gradient + dims.momentum * v; }
    }
    w[index] -= dims.rate * step;
}
