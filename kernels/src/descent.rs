//! Steps downhill, a parameter at a time: Adam (Kingma and Ba 2015) and stochastic gradient descent with momentum, as PyTorch
//! has them. Slices are of the same length; `w` are the parameters, `g` their gradients.

/// What every value of `g` goes through before it is used: `scale g + decay w`, and zero where that, or what is remembered of
/// it, is less than `negligible`.
#[derive(Clone, Copy, Debug)]
pub struct Gradient {
    pub scale: f32,
    pub decay: f32,
    pub negligible: f32,
}

/// `m += mean_share (g - m); v = beta2 v + square_share g g; w = shrink w - rate m / (sqrt(v) correction + epsilon)`.
#[derive(Clone, Copy, Debug)]
pub struct Adam {
    pub rate: f32,
    pub shrink: f32,
    pub mean_share: f32,
    pub beta2: f32,
    pub square_share: f32,
    pub epsilon: f32,
    pub correction: f32,
}

/// `v = momentum v + g; w -= rate v`, or with Nesterov's momentum `w -= rate (g + momentum v)`.
#[derive(Clone, Copy, Debug)]
pub struct Sgd {
    pub rate: f32,
    pub momentum: f32,
    pub nesterov: bool,
}

impl Gradient {
    #[inline(always)]
    fn of(self, g: f32, w: f32) -> f32 {
        self.scale * g + self.decay * w
    }

    #[inline(always)]
    fn settled(self, value: f32) -> f32 {
        if value.abs() < self.negligible { 0.0 } else { value }
    }
}

impl Adam {
    /// Moves `w`, remembering the mean gradient in `m` and the mean of its squares in `v`.
    pub fn step(self, gradient: Gradient, w: &mut [f32], g: &[f32], m: &mut [f32], v: &mut [f32]) {
        for ((w, &g), (m, v)) in w.iter_mut().zip(g).zip(m.iter_mut().zip(v)) {
            let g = gradient.settled(gradient.of(g, *w));
            *m = gradient.settled(*m + self.mean_share * (g - *m));
            *v = self.beta2 * *v + self.square_share * g * g;
            *w = self.shrink * *w - self.rate * *m / (v.sqrt() * self.correction + self.epsilon);
        }
    }
}

impl Sgd {
    /// Moves `w`, remembering the velocity in `v`.
    pub fn step(self, gradient: Gradient, w: &mut [f32], g: &[f32], v: &mut [f32]) {
        for ((w, &g), v) in w.iter_mut().zip(g).zip(v) {
            let g = gradient.of(g, *w);
            *v = gradient.settled(self.momentum * *v + g);
            *w -= self.rate * if self.nesterov { g + self.momentum * *v } else { *v };
        }
    }

    /// The same without momentum, and so without a memory.
    pub fn step_alone(self, gradient: Gradient, w: &mut [f32], g: &[f32]) {
        w.iter_mut().zip(g).for_each(|(w, &g)| *w -= self.rate * gradient.of(g, *w));
    }
}

/// `w += momentum (factor g - w)`.
pub fn average(momentum: f32, factor: f32, w: &mut [f32], g: &[f32]) {
    w.iter_mut().zip(g).for_each(|(w, &g)| *w += momentum * (factor * g - *w));
}

/// `w += scale g`.
pub fn accumulate(scale: f32, w: &mut [f32], g: &[f32]) {
    w.iter_mut().zip(g).for_each(|(w, &g)| *w += scale * g);
}
