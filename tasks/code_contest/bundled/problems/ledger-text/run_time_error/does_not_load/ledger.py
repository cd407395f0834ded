from amounts import format_amount, no_such_name, parse_amount


def parse(text):
    return [parse_amount(text), format_amount(0), no_such_name]
