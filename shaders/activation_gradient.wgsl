// dx = f'(x) dy, the derivative found from y = f(x); zero at the corners.

override ACTIVATION: u32 = 1u; // 1 ReLU, 2 ReLU6, 3 tanh, 4 sigmoid

struct Dims {
    len: u32,
}

@group(0) @binding(0) var<storage, read> y: array<f32>;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read_write> dx: array<f32>;
@group(0) @binding(3) var<uniform> dims: Dims;

fn derivative(y: f32) -> f32 {
    if (ACTIVATION == 1u) { return select(0.0, 1.0, y > 0.0); }
    if (ACTIVATION == 2u) { return select(0.0, 1.0, y > 0.0 && y < 6.0); }
    if (ACTIVATION == 3u) { return 1.0 - y * y; }
    return y * (1.0 - y);
}

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3u,
    @builtin(num_workgroups) count: vec3u,
    @builtin(local_invocation_index) local: u32,
) {
    let index = (workgroup.y * count.x + workgroup.x) * 64u + local;
    if (index >= dims.len) { return; }
    dx[index] = derivative(y[index]) * dy[index];
}
