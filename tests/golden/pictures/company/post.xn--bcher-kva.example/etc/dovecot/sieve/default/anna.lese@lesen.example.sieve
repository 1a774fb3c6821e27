require "vacation";
vacation "Wir sind im Urlaub.";
