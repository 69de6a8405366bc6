/* Arithmetic, the same in memory as PostgreSQL makes it of the SQL that we write.
 *
 * All arithmetic is in double precision: `/` of whole numbers has a fraction, `div` cuts it off, `%` has the
 * sign of its left side. What has no value is unknown: division by zero, the root of a negative number, and
 * what is too large for a double (there PostgreSQL refuses the query instead; sql/migrations says where). No
 * product may be fused with a sum here (CMakeLists.txt): PostgreSQL rounds both.
 */
#include <math.h>

#include "server/cql2/tree.h"

static double remainder_of(double a, double b) {
    double product = b * trunc(a / b);
    return a - product;
}

bool ww_cql2_arithmetic(enum ww_cql2_op op, double a, double b, double *out) {
    switch (op) {
    case CQL2_ADD:
        *out = a + b;
        break;
    case CQL2_SUBTRACT:
        *out = a - b;
        break;
    case CQL2_MULTIPLY:
        *out = a * b;
        break;
    case CQL2_DIVIDE:
        *out = b == 0 ? NAN : a / b;
        break;
    case CQL2_DIV:
        *out = b == 0 ? NAN : trunc(a / b);
        break;
    case CQL2_MODULO:
        *out = b == 0 ? NAN : remainder_of(a, b);
        break;
    default:
        *out = pow(a, b);
        break;
    }
    return isfinite(*out);
}

enum ww_cql2_constant ww_cql2_constant_of(const struct ww_cql2_node *node, double *out) {
    if (node->op == CQL2_INTEGER)
        *out = (double)node->integer;
    else if (node->op == CQL2_NUMBER)
        *out = node->number;
    if (node->op == CQL2_INTEGER || node->op == CQL2_NUMBER)
        return CQL2_CONSTANT;
    if (node->op < CQL2_ADD || node->op > CQL2_DIV)
        return CQL2_VARIES;
    double left, right;
    enum ww_cql2_constant a = ww_cql2_constant_of(node->args[0], &left),
                          b = ww_cql2_constant_of(node->args[1], &right);
    if (a == CQL2_VARIES || b == CQL2_VARIES)
        return CQL2_VARIES;
    if (a != CQL2_CONSTANT || b != CQL2_CONSTANT || !ww_cql2_arithmetic(node->op, left, right, out))
        return CQL2_IS_NULL_CONSTANT;
    return CQL2_CONSTANT;
}

bool ww_cql2_whole_of(const struct ww_cql2_node *node, int64_t *out) {
    static const double exact = 9007199254740992.0; /* 2^53 */
    double value;
    if (node->op == CQL2_INTEGER) {
        *out = node->integer;
        return true;
    }
    if (ww_cql2_constant_of(node, &value) != CQL2_CONSTANT || fabs(value) > exact || trunc(value) != value)
        return false;
    *out = (int64_t)value;
    return true;
}

bool ww_cql2_is_whole(const struct ww_cql2_node *node) {
    int64_t value;
    return ww_cql2_whole_of(node, &value) || (node->op == CQL2_PROPERTY && node->type == WW_CQL2_INTEGER);
}

bool ww_cql2_all_whole(const struct ww_cql2_node *node) {
    for (uint32_t i = 0; i < node->n_args; i++)
        if (!ww_cql2_is_whole(node->args[i]))
            return false;
    return true;
}
