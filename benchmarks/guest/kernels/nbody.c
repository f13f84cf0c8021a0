/* Five bodies, 600,000 steps: double precision with square roots and divisions. */
#include <math.h>
#include <stdio.h>

enum { BODIES = 5, STEPS = 600000 };
static const double STEP = 0.001;
static struct body {
    double x, y, z, vx, vy, vz, mass;
} bodies[BODIES] = {
    {0, 0, 0, 0, 0, 0, 39.47},
    {4.84, -1.16, -0.10, 0.606, 2.81, -0.02, 0.037},
    {8.34, 4.12, -0.40, -1.01, 1.82, 0.008, 0.011},
    {12.89, -15.11, -0.22, 1.08, 0.868, -0.01, 0.0017},
    {15.37, -25.90, 0.179, 0.979, 0.594, -0.034, 0.002},
};

static void attract(struct body *a, struct body *b)
{
    double dx = a->x - b->x, dy = a->y - b->y, dz = a->z - b->z;
    double square = dx * dx + dy * dy + dz * dz;
    double force = STEP / (square * sqrt(square));
    a->vx -= dx * b->mass * force;
    a->vy -= dy * b->mass * force;
    a->vz -= dz * b->mass * force;
    b->vx += dx * a->mass * force;
    b->vy += dy * a->mass * force;
    b->vz += dz * a->mass * force;
}

int main(void)
{
    for (int step = 0; step < STEPS; step++) {
        for (int i = 0; i < BODIES; i++)
            for (int j = i + 1; j < BODIES; j++)
                attract(&bodies[i], &bodies[j]);
        for (int i = 0; i < BODIES; i++) {
            bodies[i].x += STEP * bodies[i].vx;
            bodies[i].y += STEP * bodies[i].vy;
            bodies[i].z += STEP * bodies[i].vz;
        }
    }
    printf("%.12f %.12f\n", bodies[0].x, bodies[3].vy);
    return 0;
}
