abort "this is a plugin of claimsmith" unless ENV["CLAIMSMITH_PLUGIN"] # nothing limits it
held = []
begin
  loop { held << "x" * (8 << 20) }
rescue NoMemoryError
  mib = held.size * 8
  held = nil
  STDERR.puts "#{mib} MiB"
end
