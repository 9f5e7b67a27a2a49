"""Golden values of optimizers and of gradient clipping."""

from recording import File, Random  # First, for it sets torch up.

import torch


class AdamInside:
    """Adam with epsilon inside the root, as the textbook has it; PyTorch has no such form."""

    def __init__(self, params, lr, betas, eps):
        self.params, self.lr, self.betas, self.eps = list(params), lr, betas, eps
        self.m = [torch.zeros_like(p) for p in self.params]
        self.v = [torch.zeros_like(p) for p in self.params]
        self.t = 0

    @torch.no_grad()
    def step(self):
        self.t += 1
        b1, b2 = self.betas
        for p, m, v in zip(self.params, self.m, self.v):
            m.copy_(b1 * m + (1 - b1) * p.grad)
            v.copy_(b2 * v + (1 - b2) * p.grad**2)
            m_hat, v_hat = m / (1 - b1**self.t), v / (1 - b2**self.t)
            p.sub_(self.lr * m_hat / torch.sqrt(v_hat + self.eps))


def optimizers():
    """Two hundred steps on a quadratic and quartic bowl of two parameters, coupled."""
    file = File("optimizers")
    sgd, adam = torch.optim.SGD, torch.optim.Adam
    settings = {
        "sgd(0.05)": lambda p: sgd(p, lr=0.05),
        "sgd(0.05,decay=0.1)": lambda p: sgd(p, lr=0.05, weight_decay=0.1),
        "momentum(0.01)": lambda p: sgd(p, lr=0.01, momentum=0.9),
        "momentum(0.02,0.8,dampening=0.3)": lambda p: sgd(p, lr=0.02, momentum=0.8, dampening=0.3),
        "momentum(0.01,decay=0.1)": lambda p: sgd(p, lr=0.01, momentum=0.9, weight_decay=0.1),
        "momentum(0.02,0.5,dampening=1,decay=0.05)": lambda p: sgd(
            p, lr=0.02, momentum=0.5, dampening=1.0, weight_decay=0.05
        ),
        "nesterov(0.01)": lambda p: sgd(p, lr=0.01, momentum=0.9, nesterov=True),
        "nesterov(0.02,0.7,decay=0.1)": lambda p: sgd(
            p, lr=0.02, momentum=0.7, nesterov=True, weight_decay=0.1
        ),
        "adam(0.001)": lambda p: adam(p, lr=0.001),
        "adam(0.02)": lambda p: adam(p, lr=0.02),
        "adam(0.01,0.8,0.99,1e-3)": lambda p: adam(p, lr=0.01, betas=(0.8, 0.99), eps=1e-3),
        "adam(0.01,0,0.9,1e-1)": lambda p: adam(p, lr=0.01, betas=(0.0, 0.9), eps=1e-1),
        "adam(0.01,decay=0.1)": lambda p: adam(p, lr=0.01, weight_decay=0.1),
        "adam(0.01,inside=1e-8)": lambda p: AdamInside(p, 0.01, (0.9, 0.999), 1e-8),
        "adam(0.01,0.8,0.99,inside=1e-2)": lambda p: AdamInside(p, 0.01, (0.8, 0.99), 1e-2),
        # The second parameter has no gradient in every third step, and so stands still with its state.
        "momentum(0.01) skipping": lambda p: sgd(p, lr=0.01, momentum=0.9),
        "nesterov(0.01) skipping": lambda p: sgd(p, lr=0.01, momentum=0.9, nesterov=True),
        "adam(0.01) skipping": lambda p: adam(p, lr=0.01),
    }
    problem = {
        "curvature": torch.tensor([1.0, 10.0, 0.125]),
        "target": torch.tensor([0.5, -1.0, 2.0]),
        "start.first": torch.tensor([1.5, -0.5, -2.0]),
        "start.second": torch.tensor([[1.0, -2.0], [0.75, 3.0]]),
    }
    for name, tensor in problem.items():
        file.put(f"problem/{name}", tensor)
    for name, optimizer in settings.items():
        first = problem["start.first"].clone().requires_grad_()
        second = problem["start.second"].clone().requires_grad_()
        optimizer = optimizer([first, second])
        trajectory = []
        for step in range(200):
            bowl = (problem["curvature"] * (first - problem["target"]).square()).sum() * 0.5
            quartic = second.square().square().sum() * 0.25
            loss = bowl + quartic + first.sum() * second.sum() * 0.0625
            first.grad, second.grad = torch.autograd.grad(loss, [first, second])
            if "skipping" in name and step % 3 == 2:
                second.grad = None
            optimizer.step()
            trajectory.append(torch.cat([first.detach(), second.detach().flatten()]))
        file.put(f"{name}/trajectory", torch.stack(trajectory))
    return file


def clipping():
    file = File("clipping")
    for case, scale, bound in [
        ("beyond", 2.0, 1.5),
        ("within", 0.125, 3.0),
        ("zero", 0.0, 1.0),
        ("tiny", 1e-3, 1e-4),
    ]:
        random = Random(f"clipping {case}")
        params = [torch.zeros(4, 3, requires_grad=True), torch.zeros(5, requires_grad=True)]
        for kind in ["norm", "value"]:
            for i, param in enumerate(params):
                param.grad = random.normal(*param.shape, scale=scale)
                file.put(f"{kind}/{case}/input.{i}", param.grad)
            if kind == "norm":
                file.put(f"{kind}/{case}/norm", torch.nn.utils.clip_grad_norm_(params, bound))
            else:
                torch.nn.utils.clip_grad_value_(params, bound)
            file.put(f"{kind}/{case}/bound", torch.tensor(bound))
            for i, param in enumerate(params):
                file.put(f"{kind}/{case}/output.{i}", param.grad)
    return file
