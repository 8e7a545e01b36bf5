"""The servers of the workloads, and what lies in them."""

A, B, C, D, E, F = (f"{letter * 8}-0000-4000-8000-000000000001"
                    for letter in "abcdef")


def files_of(name, count=6):
    return {f"{'world/region/' if i % 2 else ''}{name}-{i}": f"{name} {i}\n"
            for i in range(count)}
